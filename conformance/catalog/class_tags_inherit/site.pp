class base::one { tag 'fromone' contain base::two }
class base::two { notify { 'two': } define base::d { notify { "bd ${title}": } } }
include base::one
notify { 'probe': message => [tagged('base'), tagged('nope'), tagged('fromone')] }
