class a(Struct[{a => Integer, Optional[b] => String}] $s) { }
class { "a": s => {"a" => "x", "c" => 1} }
