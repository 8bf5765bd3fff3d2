class a(Integer $x) { }
class { "a": x => "str" }
