notify { ["a","b","c"]: message => "x" }
$t = ["d", ["e"]]
notify { $t: }
