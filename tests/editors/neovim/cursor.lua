-- The plugin notifies the server of the cursor's resting position: once per position, and never
-- where lowkey is silent.
--
-- Arguments: this folder and the socket. The server is the one of answers.lua.

local folder, socket = arg[1], arg[2]
local drive = dofile(folder .. '/drive.lua')
local lua, keys, check, eventually, state = drive.lua, drive.keys, drive.check, drive.eventually, drive.state
drive.connect(socket)

local function rested() return lua('return Rested') end
--- Longer than any pause of the plugin, so that a second notification would have arrived.
local function quiet() vim.uv.sleep(900) end
local function told(n, line, character)
  eventually(('notification %d'):format(n), function() return #rested() >= n end)
  quiet()
  local all = rested()
  check(#all == n, ('%d notifications, not %d'):format(#all, n))
  local position = all[n].position
  check(position.line == line and position.character == character, vim.inspect(all[n]))
  return all[n]
end
local function becomes(wanted)
  eventually('the status to be ' .. wanted, function() return state().status.state == wanted end)
end

drive.open('plain.txt')
-- Opening a file sends the cursor's position, and no other notification.
local params = told(1, 0, 0)
check(vim.endswith(params.textDocument.uri, '/plain.txt'), params.textDocument.uri)
drive.ok('a file that was opened')

-- Moves at shorter intervals than the resting time. On a busy machine one may be late; then the
-- moves are repeated.
lua("vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'é😀 one', 'two', 'three', 'four' })")
quiet()
local n
repeat
  n = #rested()
  local longest = lua([[local last, longest = vim.uv.hrtime(), 0
    for _, row in ipairs({ 1, 2, 3, 1, 2, 3, 1, 4 }) do
      vim.api.nvim_win_set_cursor(0, { row, 0 })
      vim.api.nvim_exec_autocmds('CursorMoved', {})
      vim.wait(50)
      longest, last = math.max(longest, vim.uv.hrtime() - last), vim.uv.hrtime()
    end
    return longest / 1e6]])
  quiet()
until longest < 250
n = n + 1
told(n, 3, 0)
keys('gg$')
-- Columns in UTF-16: é is one unit, 😀 is two.
n = n + 1
told(n, 0, 6)
drive.ok('moving sends the last position, once')

keys('i')
eventually('insert mode', function() return state().mode == 'i' end)
quiet()
check(#rested() == n, 'entering insert mode sent the same position again')
keys('x')
n = n + 1
told(n, 0, 7)
drive.ok('insert mode, and after a key')

keys('<Esc>jv')
eventually('visual mode', function() return state().mode == 'v' end)
keys('l')
quiet()
check(#rested() == n, 'a notification while text is selected')
keys('<Esc>')
drive.ok('not while text is selected')

lua("Paused = true; require('lowkey.status').refresh()")
becomes('paused')
keys('G')
quiet()
lua("Paused = false; require('lowkey.status').refresh()")
becomes('ready')
lua("require('lowkey.client').set('languages_off', { 'text' })")
becomes('off')
keys('gg')
quiet()
lua("require('lowkey.client').set('languages_off', {})")
lua("require('lowkey.client').set('prefill_at_cursor', false)")
becomes('ready')
keys('G')
quiet()
check(#rested() == n, 'a notification where lowkey is silent, or with the setting off')
lua("require('lowkey.client').set('prefill_at_cursor', true)")
keys('gg0')
told(n + 1, 0, 0)
drive.ok('not while paused, off for the language, or off by the setting')

keys(':enew<CR>')
eventually('a buffer without the server', function() return not state().attached end)
keys('ihello')
quiet()
check(#rested() == n + 1, 'a notification for a buffer that the server does not know')
drive.ok('not in a buffer that the server does not know')
keys('<Esc>:qa!<CR>')
