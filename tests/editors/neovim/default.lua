-- The default model with the ten lines of the README, as a new user sees it.
--
-- Arguments: this folder, the socket, and `default` or `toy`. The default model's text is checked
-- at a position where it is certain. The toy replaces it until the default is complete; then the
-- test only checks that ghost text appears and is accepted.

local folder, socket, inside = arg[1], arg[2], arg[3]
local drive = dofile(folder .. '/drive.lua')
drive.connect(socket)
drive.ok('the model inside is the ' .. inside)

local now
if inside == 'default' then
  drive.open('shapes.py')
  drive.lua([[
    vim.api.nvim_buf_set_lines(0, -1, -1, false, { '', '    def area(self):', '        return self.side * self' })
  ]])
  drive.keys('GA')
  drive.eventually('insert mode', function() return drive.state().mode == 'i' end)
  now = drive.type_until_ghost('.')
  drive.check(now.ghost.lines[1] == 'side', 'the suggestion after `self.side * self.` is ' .. now.ghost.lines[1])
else
  drive.below('shapes.py', 'self.side = side')
  now = drive.type_until_ghost('    def area(self):')
end
drive.accept('ghost text of the model inside', now)
drive.leave()
