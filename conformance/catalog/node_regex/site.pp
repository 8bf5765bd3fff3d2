node /^x(\d+)/ { notify { 'x': } }
node /^n(o)de\.(.*)/ { notify { "regex $1 $2 ${0}": } include k }
node default { notify { 'default': } }
class k { notify { "k ${name}": } }
