"""Everything that leaves: requests as the face, libcurl as the engine. The only place that imports either."""
