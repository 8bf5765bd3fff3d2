define m::inner { notify { "inner ${title} ${caller_module_name}": } }
