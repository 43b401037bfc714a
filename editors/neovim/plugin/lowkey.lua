--- The commands; nothing is started before `require('lowkey').setup()`.
if vim.g.loaded_lowkey or vim.fn.has('nvim-0.10') == 0 then return end
vim.g.loaded_lowkey = true

local function command(name, description, action, options)
  vim.api.nvim_create_user_command('Lowkey' .. name, action, vim.tbl_extend('force', { desc = description }, options or {}))
end

command('Toggle', 'Pause suggestions or resume; with ! only for this language', function(given)
  if given.bang or given.args ~= '' then
    require('lowkey').toggle_language(given.args ~= '' and given.args or nil)
  else
    require('lowkey').toggle()
  end
end, { bang = true, nargs = '?', complete = 'filetype' })
command('Explain', 'Why the last request gave a suggestion or none', function() require('lowkey.page').explain() end)
command('Restart', 'Start the server anew', function() require('lowkey').restart() end)
command('Status', 'What the server is doing', function()
  local now = require('lowkey').state()
  vim.notify(('lowkey: %s\n%s'):format(now.state, table.concat(now.why, '\n')))
end)
command('Stats', 'Show statistics', function() require('lowkey.page').statistics() end)
command('Model', 'Choose the model, for this session', function() require('lowkey.page').choose_model() end)
command('Log', "Show the log of Neovim's language clients", function()
  vim.cmd.tabnew(require('vim.lsp.log').get_filename())
end)
