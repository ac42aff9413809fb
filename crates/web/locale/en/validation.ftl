# How payloads are held against the schemas of event types.
validation-title = Payload validation
validation-label = A payload that is not as its schema says
validation-off = is sent, nobody looks
validation-warn = is sent, and noted with its event
validation-strict = is refused with 422
validation-why = For all accounts of this environment, from the next event on.
event-misfits = Not as its schema says
event-misfits-why = Sent all the same: this environment only warns.
