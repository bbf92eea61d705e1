"""The rules, pure: no Django, no clock, no dice, no I/O. `now` and `rng` come in as arguments.

By what they are about; the first line of each file says what lives there.

requests              request payload batching credentials client_tls urls addresses inbox polled curl
signatures            signatures profiles own_scheme vendor_signatures secrets signature_check findings
                      computed_signatures given_digests body_differences printed_bodies pasted_headers receiver_code
answers               answer outcome advice shown_body challenge access_tokens
when                  backoff breaker rate delivery_states delivery_window clock
events                event_data event_types schema_changes json_members tags trace_context operational
what is made of them  filters filter_conditions transformation api_versions
who                   actor_names member_roles staff_roles staff_claims open_id id_tokens bearer_tokens log_in_refusals
writing               ids timestamps time_zones sentences stored_sentences brand_colours amqp_urls torn_urls url_options
                      remembered

imports/ reads what other senders export.
"""
