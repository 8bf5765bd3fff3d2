$a = "a\qb"
$b = "\u12"
$c = "\d\w"
