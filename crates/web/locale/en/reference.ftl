# The API reference.
reference-title = API reference
reference-document = OpenAPI document
reference-find = Find by name, path or method
reference-groups = Groups
reference-count = { $count ->
    [one] { $n } operation
   *[other] { $n } operations
}
reference-event = event
reference-deprecated = deprecated
reference-extended = extended
reference-ours = Ringup’s own
reference-extended-long = Svix’s, and does more here
reference-dialect = as Svix has it
reference-instead = Use instead:
reference-call = The call
reference-parameters = Parameters
reference-body = Body
reference-optional = may be left out
reference-answers = Answers
reference-field = Name
reference-kind = Type
reference-about = What it is
reference-required = required
reference-scope = Takes the scope
reference-needs-nothing = For everybody, without a key
reference-needs-key = Any key
reference-needs-account = in the account that is named; a key of that account is enough
reference-needs-reached = in the environment; a key of one account sees its own
reference-needs-environment = in the whole environment; a key of one account is not enough
reference-needs-operator = with an operator’s key alone
