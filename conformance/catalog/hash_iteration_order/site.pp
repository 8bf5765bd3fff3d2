$h = { 'z' => 1, 'a' => 2, 'm' => { 'y' => 1, 'b' => 2 } }
$h.each |$k, $v| { notify { "k ${k}": message => $v } }
$m = $h + { 'a' => 9, 'new' => 0 }
notify { 'm': message => $m }
