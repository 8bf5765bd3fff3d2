class a($x) { }
class { "a": x => 1 }
class { "a": x => 2 }
