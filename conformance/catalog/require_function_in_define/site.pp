class a { notify { 'a': } }
define d { require a notify { "d ${title}": } }
d { 'x': require => Notify['first'] }
notify { 'first': }
