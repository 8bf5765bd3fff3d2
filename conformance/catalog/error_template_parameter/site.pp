notice(inline_epp("<%- | Integer \$x | -%><%= \$x %>"))
