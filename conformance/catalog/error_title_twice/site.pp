notify { "a": ; "a": }
