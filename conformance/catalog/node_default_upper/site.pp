node 'a', 'b' { notify { 'ab': } }
node default { notify { "default ${title} ${name}": } }
notify { 'top': }
