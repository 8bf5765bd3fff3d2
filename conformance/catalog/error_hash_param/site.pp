define d(Hash[String,Integer] $p) { }
d { "x": p => {"k" => "v"} }
