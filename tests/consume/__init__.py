"""Events that come by a stream or an outbox."""
