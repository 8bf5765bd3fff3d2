class a { notify { "a": message => 1 } }
class b { Notify["a"] { message => 2 } }
include a, b
