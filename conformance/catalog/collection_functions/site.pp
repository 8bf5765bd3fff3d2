$a = [3,1,2,3,undef,[4,[5]]]
$h = {'b' => 2, 'a' => 1}
notify { 'r': message => [$a.flatten, [3,1,2].sort, [1,2,2].unique, $h.keys, $h.values, [1,2,3].slice(2), [1,2,3].any |$x| { $x > 2 }, [1,2,3].all |$x| { $x > 2 }, $h.dig('a'), [[1,[2]]].dig(0,1,0), $h.get('b'), [1,2,3].min, max(4,9,2), [1,2,3].size, $h.map |$k,$v| { [$k, $v] }, ['a','b'].reduce({}) |$m, $x| { $m + { $x => 1 } }, [1,2,3].index(2), [1,2,3,4].group_by |$x| { "g${$x % 2}" }, [1,2,3].reverse_each.map |$x| { $x }, Integer[1,5].map |$x| { $x }, 3.map |$x| { $x }, [1,2,3,4].partition |$x| { $x > 2 }] }
