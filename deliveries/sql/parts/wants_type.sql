-- Whether an endpoint has asked for events of this type with these tags, whatever its filter says.
-- i (type, type_keys and tags, space separated), e (of hookpost_endpoint: event_types, tags)
-- Operational events (hookpost.) go to those alone who name them, and have no tags.
CASE
    WHEN cardinality(e.event_types) > 0 OR starts_with(i.type, 'hookpost.')
        THEN e.event_types && string_to_array(i.type_keys, ' ')::varchar[]
    ELSE true
END AND (
    e.tags IS NULL OR (string_to_array(i.tags, ' ') && e.tags) IS TRUE OR starts_with(i.type, 'hookpost.')
)
