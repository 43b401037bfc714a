-- The next edit with the plugin: a renamed parameter is offered where it is used, one place after
-- the other.
--
-- Arguments: this folder and the socket.

local folder, socket = arg[1], arg[2]
local drive = dofile(folder .. '/drive.lua')
local lua, keys, check, eventually, ok = drive.lua, drive.keys, drive.check, drive.eventually, drive.ok
drive.connect(socket)

local TEXT = { 'def greet(user_name):', '    "user_name of the person"', '    text = format(user_name)' }
for _ = 1, 60 do TEXT[#TEXT + 1] = '    wait()' end
TEXT[#TEXT + 1] = '    send(user_name)'

local function next_edit()
  local found = lua("return require('lowkey').next_edit() or false")
  return found or nil
end
local function marks()
  return lua([[
    local space = vim.api.nvim_get_namespaces()['lowkey.next_edit']
    return vim.tbl_map(function(mark)
      local text = mark[4].virt_text
      return { row = mark[2] + 1, text = text and text[1][1] or '' }
    end, vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true }))
  ]])
end
local function line(number) return lua('return vim.fn.getline(...)', number) end

vim.fn.writefile(TEXT, 'greet.py')
drive.open('greet.py')
keys('gg0fucwaccount_name<Esc>')
local found = eventually('the next edit', next_edit)
check(found.row == 3 and found.text == 'account_name', 'it is ' .. vim.inspect(found))
check(vim.tbl_contains(vim.tbl_map(function(mark) return mark.text end, marks()), 'account_name'), 'the new text is not drawn: ' .. vim.inspect(marks()))
ok('a use of the renamed parameter is shown')

keys('<M-n>')
eventually('a jump to its line', function() return drive.state().row == 3 end)
check(line(3):find('user_name', 1, true), 'the jump changed the line')
keys('<M-n>')
eventually('the change', function() return line(3) == '    text = format(account_name)' end)
ok('jumped to and accepted')

found = eventually('the place at the end', function()
  local now = next_edit()
  return now and now.row == #TEXT and now
end)
local hint = vim.tbl_filter(function(mark) return mark.text:find('line ' .. #TEXT, 1, true) end, marks())
check(#hint == 1 and hint[1].row == 3, 'no hint at the cursor: ' .. vim.inspect(marks()))
ok('a place outside of the window is named at the cursor')

keys('<M-N>')
eventually('the next edit to be removed', function() return next_edit() == nil and #marks() == 0 end)
keys('i <BS><Esc>')
vim.uv.sleep(1000)
check(next_edit() == nil, 'a dismissed edit came back: ' .. vim.inspect(next_edit()))
check(line(#TEXT) == '    send(user_name)', 'the dismissed place was changed')
ok('dismissed, and not shown again')

keys('u')
keys('u')
keys('u')
eventually('undo to give the text back', function() return line(3) == TEXT[3] end)
ok('an accepted edit can be undone')
drive.leave()
