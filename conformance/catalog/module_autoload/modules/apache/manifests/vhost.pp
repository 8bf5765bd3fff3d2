class apache::vhost inherits apache::params { notify { "vhost ${user} ${apache::params::user}": } contain apache::deep::er }
