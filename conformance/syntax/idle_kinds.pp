class a { notice(1) 'x' notice(1) }
class b { notice(1) $x[1] notice(1) }
class c { notice(1) $x ? { 1 => 2 } notice(1) }
class d { notice(1) -1 notice(1) }
class e { notice(1) {a => 1} }
