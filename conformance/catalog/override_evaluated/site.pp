define d($x = 1) { notify { "x ${x}": } }
class a { d { "i": } }
class b inherits a { D["i"] { x => 2 } }
include b
