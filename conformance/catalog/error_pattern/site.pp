define d(Pattern[/^a/] $p) { }
d { "x": p => "b" }
