class a(Enum["x","y"] $e) { }
class { "a": e => "z" }
