class beta(Hash $opts = { "a" => 1 }) { $opts.each |$k, $v| { notify { "beta ${k} ${v}": } } }
