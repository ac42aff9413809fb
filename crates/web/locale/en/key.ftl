# API keys.
keys-title = API keys
keys-lead = What lets your point of sale report events to this account.
keys-empty = No key yet
keys-empty-why = A key lets your software post events. It opens this account and no other.
key-name = Name
key-scopes = May
key-valid = Valid
key-over = Ended
key-revoke = Revoke
key-new = New key
key-use = What it is for
key-publish = Reporting events, nothing else
key-all = Everything in this account
key-create = Create key
key-made = Copy it now
key-made-why = It is shown this once: only its hash is kept.
done-revoked = The key is revoked. It opens nothing from now on.
