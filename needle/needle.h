// needle: what programs include.
#pragma once

#include "needle/autograd.h"
#include "needle/creation.h"
#include "needle/elementwise.h"
#include "needle/indexing.h"
#include "needle/jit.h"
#include "needle/module.h"
#include "needle/no_grad.h"
#include "needle/random.h"
#include "needle/realize.h"
#include "needle/reduction.h"
#include "needle/shaping.h"
#include "needle/tensor.h"
#include "needle/trace.h"
#include "needle/window.h"
