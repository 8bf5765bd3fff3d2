class a { notify { "a": message => 1 } Notify["a"] { message => 2 } }
include a
