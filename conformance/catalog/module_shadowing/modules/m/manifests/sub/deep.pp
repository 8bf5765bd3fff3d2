class m::sub::deep($v = "deep ${m::value}") { notify { $v: } File { owner => $module_name } file { "/deep": } }
