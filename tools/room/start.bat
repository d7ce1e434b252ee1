@echo off
rem Sets up the course in this folder, without any network, and opens JupyterLab on notebook 00. Later starts only open it.
setlocal
pushd "%~dp0" || goto :failed
if not exist requirements.txt goto :failed
set "WANTED=@VERSION@"
set "MARK=%CD% @PACKAGES@"
set "READY="
if exist "venv\.ready" set /p READY=<"venv\.ready"
if "%READY%"=="%MARK%" goto :open
set "PYTHON=py -%WANTED%"
%PYTHON% -c "import sys" >nul 2>nul && goto :found
set "PYTHON=python"
%PYTHON% -c "import sys; sys.exit('%WANTED%' != '.'.join(map(str, sys.version_info[:2])))" >nul 2>nul && goto :found
echo This needs Python %WANTED%, which was not found. README.txt says more.
pause
exit /b 1
:found
echo Setting up: this takes some minutes, the first time only.
if exist venv rmdir /s /q venv
%PYTHON% -m venv venv || goto :failed
venv\Scripts\python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --find-links wheels --require-hashes -r requirements.txt || goto :failed
<nul >"venv\.ready" set /p "=%MARK%"
:open
venv\Scripts\clv lab demo %*
set "CODE=%errorlevel%"
if not "%CODE%"=="0" pause
popd
exit /b %CODE%
:failed
echo The set-up failed. README.txt says what to try.
pause
exit /b 1
