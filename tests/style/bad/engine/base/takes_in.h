// Breaks a rule on purpose: see tests/CMakeLists.txt.
#pragma once
using namespace std;
