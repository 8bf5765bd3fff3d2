$a = notify { 'first': }
class one { notify { 'one': } include two notify { 'one-b': } }
class two { notify { 'two': } }
notify { 'before': }
include one
notify { "a ${a}": }
if true { notify { 'cond': } include three }
class three { define inner3 { notify { "i3 ${title}": } } three::inner3 { 'x': } }
