define t($v) {
  case $v {
    'a', 'b': { notify { "${title} ab": } }
    /^x(.*)/: { notify { "${title} x [$1]": } }
    Integer[1,5]: { notify { "${title} small": } }
    Numeric: { notify { "${title} num": } }
    [1, /q/]: { notify { "${title} arr": } }
    {k => Integer}: { notify { "${title} hash": } }
    *['l','m']: { notify { "${title} lm": } }
    undef: { notify { "${title} undef": } }
    default: { notify { "${title} default": } }
  }
}
t { '1': v => 'B' } t { '2': v => 'xyz' } t { '3': v => 3 } t { '4': v => 9.5 } t { '5': v => [1,'q'] } t { '6': v => {k => 1, z => 2} } t { '7': v => 'M' } t { '8': v => true } t { '9': v => '' }
$r = case 3 { 1: { 'one' } 3: { 'three' } }
notify { "r ${r}": }
