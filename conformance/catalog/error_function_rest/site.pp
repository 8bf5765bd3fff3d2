function t(Array[String] *$c) { $c }
notice(t(["q"], ["r","s"]))
