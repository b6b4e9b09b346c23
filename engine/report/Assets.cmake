# Puts the parts of the report's page into the library, so that a report can be written on a machine
# that has none of them.
find_file(CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js NO_DEFAULT_PATH
          DOC "Chart.js 3 (Debian: libjs-chart.js)")
if(NOT CHART_JS)
  message(FATAL_ERROR "chart.min.js (Chart.js 3) isn't installed: apt-get install libjs-chart.js, "
                      "or give its path with -DCHART_JS=...")
endif()

betimes_embed(betimes_engine chart_js ${CHART_JS})
set(assets ${CMAKE_CURRENT_LIST_DIR}/assets)
foreach(asset report.html report.css report.js charts.js chart_parts.js chart_licence.txt)
  string(REPLACE "." "_" symbol ${asset})
  betimes_embed(betimes_engine ${symbol} ${assets}/${asset})
endforeach()
