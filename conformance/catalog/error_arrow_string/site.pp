notify { "a": }
"nonsense" -> Notify["a"]
