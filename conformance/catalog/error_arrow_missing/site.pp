notify { "a": }
Notify["a"] -> Notify["gone"]
