#include "betimes/runtime/plan.h"
