define inner($v) { notify { "inner ${title} ${v}": } }
define outer($v) { inner { "${title}-1": v => $v } inner { "${title}-2": v => "${v}!" , require => Inner["${title}-1"] } }
outer { 'o': v => 'w', before => Notify['end'] }
notify { 'end': }
