$a = 'A' $h = {'x' => [1, 'two', undef, true, 1.50], 'y' => {'z' => /re/}} $n = 5
notify { "a: ${a} $a ${ a } ${h} ${h['x']} \${a} \$a $n": }
notify { "types ${Integer[1,2]} ${[undef]} ${[true, default]} ${File['/x']} ${Class['a']}": }
notify { "nested ${"in ${a} ${'q'}"} ${if true { 'yes' }} ${$n + 1} ${n}": }
notify { "esc \t\n\u263a \u{1F600} \\ \" \s|": }
notify { 'single \' \\ \n ${a}': }
