-- Suggestions as entries of Neovim's own completion menu, which completion plugins also query.
--
-- Arguments: this folder and the socket.

local folder, socket = arg[1], arg[2]
local drive = dofile(folder .. '/drive.lua')
local lua, keys, check, eventually = drive.lua, drive.keys, drive.check, drive.eventually
drive.connect(socket)
drive.quiet_ms = 200

lua([[
  vim.o.completeopt = 'menuone,noinsert'
  function Menu()
    return vim.tbl_map(function(item)
      return { word = item.word, kind = item.kind, info = item.info }
    end, vim.fn.pumvisible() == 1 and vim.fn.complete_info({ 'items' }).items or {})
  end
]])

drive.below('shapes.py', 'self.side = side')
eventually('the model', function() return drive.state().status.state == 'ready' end)
local typed = '    def are'
drive.type_and_settle(typed)
-- The suggestion's whole text is in the entry's documentation.
local asked_again = 0
local entry = eventually('an entry of the menu', function()
  local menu = lua('return Menu()')
  if #menu > 0 then return menu[1] end
  asked_again = asked_again + 1
  if asked_again % 20 == 1 then keys('<C-e><C-x><C-o>') end
end)
check(entry.kind == 'Text', 'its kind is ' .. entry.kind)
drive.ok(('the menu shows %q, of kind %s'):format(entry.word, entry.kind))
keys('<C-y>')
eventually('the entry to be taken', function()
  local now = drive.state()
  return now.mode == 'i' and lua('return vim.fn.pumvisible()') == 0 and now.line == '    def ' .. entry.word
end)
drive.ok('taken: ' .. drive.state().line)

drive.below('.env', 'API_SECRET')
drive.type_and_settle('API_KEY')
keys('<C-x><C-o>')
eventually('Neovim to find nothing', function()
  return lua("return vim.fn.execute('messages') .. vim.fn.mode()"):find('not found') or lua('return vim.fn.mode()') == 'i'
end)
check(#lua('return Menu()') == 0, 'an entry in a file of secrets')
drive.ok('silence in a file of secrets')
drive.leave()
