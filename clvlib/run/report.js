// What can be moved in the report. The numbers and the closed forms are those of Python (clvlib.value.what_if); a test
// moves the sliders and compares. Texts of the client are only ever written as text.
(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("numbers").textContent);
  const at = (id) => document.getElementById(id);
  const locale = data.locale.replace("_", "-");
  const said = (text) => data.words[text];
  const inMoney = (digits) => {
    try {
      return new Intl.NumberFormat(locale, { style: "currency", currency: data.currency, minimumFractionDigits: digits, maximumFractionDigits: digits });
    } catch (_unknown) {
      return new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
    }
  };
  const cents = inMoney(2), whole = inMoney(0);
  const money = (value) => (Math.abs(value) < 100 ? cents : whole).format(value);
  const number = (value, digits) => value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const share = (value) => value.toLocaleString(locale, { style: "percent", maximumFractionDigits: 1 });
  const make = (tag, text, className) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (className) node.className = className;
    return node;
  };
  const svg = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };

  function yearsWithin(retention, horizon) {
    return retention === 1 ? horizon : (1 - retention ** horizon) / (1 - retention);
  }

  function clvOf(given, m) {
    const orders = given.orders_per_year * m.frequency / 100;
    const left = given.order_value * m.basket / 100 * (given.margin + m.margin / 100) - given.service_cost_per_order;
    const retention = Math.max(0, 1 - (1 - given.retention) * m.churn / 100);
    const rate = given.annual_discount_rate + m.discount / 100;
    const years = yearsWithin(retention / (1 + rate), given.horizon_years + m.horizon) * given.years_beyond;
    return (orders * left - given.retention_cost_per_year) * years - given.acquisition_cost * m.cac / 100;
  }

  function orderings(list) {
    return list.length < 2 ? [list] : list.flatMap((one, i) => orderings([...list.slice(0, i), ...list.slice(i + 1)]).map((rest) => [one, ...rest]));
  }

  function split(given, still, m) {
    const players = { basket: ["basket"], frequency: ["frequency"], churn: ["churn"], rest: ["margin", "cac", "discount", "horizon"] };
    const added = { basket: 0, frequency: 0, churn: 0, rest: 0 }, ways = orderings(Object.keys(players));
    for (const way of ways) {
      const now = { ...still };
      let before = clvOf(given, now);
      for (const player of way) {
        for (const name of players[player]) now[name] = m[name];
        const after = clvOf(given, now);
        added[player] += (after - before) / ways.length;
        before = after;
      }
    }
    return added;
  }

  function outcome(given, still, m) {
    const often = m.frequency / 100, cac = given.acquisition_cost * m.cac / 100, margin = given.margin + m.margin / 100;
    const keeping = often ? given.retention_cost_per_year / (given.orders_per_year * often) : 0;
    const each = given.order_value * m.basket / 100 * margin - given.service_cost_per_order - keeping;
    let gained = 0;
    const month = given.orders.findIndex((orders) => (gained += orders * often * each) >= cac * (1 - 1e-9));
    const clv = clvOf(given, m);
    return {
      clv: clv,
      ratio: cac > 0 ? (clv + cac) / cac : NaN,
      payback: cac > 0 && month >= 0 ? month + 1 : NaN,
      base: often * (given.base_spend * m.basket / 100 * margin - given.base_purchases * given.service_cost_per_order),
      split: split(given, still, m),
    };
  }

  function whatIf(given, still) {
    const sliders = [...document.querySelectorAll("#what-if input")];
    const said = {
      basket: (m) => money(given.order_value * m.basket / 100),
      frequency: (m) => number(given.orders_per_year * m.frequency / 100, 2),
      churn: (m) => share(Math.min(1, (1 - given.retention) * m.churn / 100)),
      margin: (m) => share(given.margin + m.margin / 100),
      cac: (m) => money(given.acquisition_cost * m.cac / 100),
      discount: (m) => share(given.annual_discount_rate + m.discount / 100),
      horizon: (m) => String(given.horizon_years + m.horizon),
    };
    function show() {
      const m = Object.fromEntries(sliders.map((slider) => [slider.name, Number(slider.value)]));
      const found = outcome(given, still, m);
      for (const slider of sliders) at("at-" + slider.name).textContent = said[slider.name](m);
      const write = { clv: money, base: money, ratio: (value) => number(value, 1), payback: (value) => number(value, 0) };
      for (const [name, how] of Object.entries(write)) {
        at("if-" + name).textContent = Number.isFinite(found[name]) ? how(found[name]) : "–";
        at("if-" + name).dataset.value = found[name];
      }
      for (const [name, part] of Object.entries(found.split)) {
        at("by-" + name).textContent = (part > 0 ? "+" : "") + money(part);
        at("by-" + name).dataset.value = part;
      }
    }
    for (const slider of sliders) slider.addEventListener("input", show);
    at("what-if-reset").addEventListener("click", () => {
      for (const slider of sliders) slider.value = still[slider.name];
      show();
    });
    at("what-if").hidden = false;
    show();
  }

  function budget(frontier) {
    const slider = at("budget-slider"), picture = at("frontier");
    const most = Math.max(...frontier.spent, 1e-9), high = Math.max(...frontier.net, 1e-9);
    const place = (i) => [4 + 312 * frontier.spent[i] / most, 116 - 108 * frontier.net[i] / high];
    const line = frontier.spent.map((_spent, i) => place(i).map((value) => value.toFixed(1)).join(",")).join(" ");
    picture.append(svg("line", { x1: 4, y1: 116, x2: 316, y2: 116, class: "axis" }), svg("polyline", { points: line }));
    const mark = svg("circle", { r: 5 });
    picture.append(mark);
    function show() {
      const i = Number(slider.value), [x, y] = place(i);
      mark.setAttribute("cx", x);
      mark.setAttribute("cy", y);
      at("budget-customers").textContent = number(frontier.customers[i], 0);
      at("budget-spent").textContent = money(frontier.spent[i]);
      at("budget-net").textContent = money(frontier.net[i]);
      at("budget-net").dataset.value = frontier.net[i];
      at("budget-more").textContent = i ? money((frontier.net[i] - frontier.net[i - 1]) / Math.max(frontier.spent[i] - frontier.spent[i - 1], 1e-9)) : "–";
    }
    slider.max = frontier.spent.length - 1;
    slider.value = frontier.at;
    slider.addEventListener("input", show);
    at("budget").hidden = false;
    at("budget-steps").hidden = true;
    show();
  }

  function cohorts(grids) {
    const by = at("grid-by"), of = at("grid-of"), table = at("grid");
    const option = (name) => make("option", name);
    const minor = (month) => (typeof month !== "number" || [1, 2, 3, 6, 12, 18, 24].includes(month) ? "" : " minor");
    function draw() {
      const found = grids[by.value][of.value], months = Math.max(...found.rows.map((row) => row.values.length));
      const top = Math.max(...found.rows.flatMap((row) => row.values), 1e-9);
      const head = make("tr"), body = document.createElement("tbody"), cac = found.cac;
      for (const name of [...["won in", "customers", "back in month"].map(said), ...Array.from({ length: months }, (_each, i) => i + 1)]) {
        const cell = make("th", String(name), minor(name));
        cell.scope = "col";
        head.append(cell);
      }
      for (const row of found.rows) {
        const line = make("tr"), name = make("th", row.cohort);
        const back = cac ? row.values.findIndex((value) => value >= cac * (1 - 1e-9)) : -1;
        name.scope = "row";
        line.append(name, make("td", number(row.customers, 0)), make("td", back < 0 ? "–" : String(back + 1)));
        row.values.forEach((value, i) => {
          const shade = Math.min(7, Math.max(0, Math.floor(8 * value / top)));
          line.append(make("td", number(value, 0), "shade" + shade + (i === back ? " back" : "") + minor(i + 1)));
        });
        body.append(line);
      }
      const topRow = document.createElement("thead");
      topRow.append(head);
      table.replaceChildren(topRow, body);
      at("grid-cac").textContent = cac ? money(cac) : said("not known");
    }
    function groups() {
      of.replaceChildren(...Object.keys(grids[by.value]).map(option));
      draw();
    }
    by.replaceChildren(...Object.keys(grids).map(option));
    by.addEventListener("change", groups);
    of.addEventListener("change", draw);
    at("grid-choice").hidden = false;
    groups();
  }

  if (data.what_if) whatIf(data.what_if.given, data.what_if.still);
  if (data.budget) budget(data.budget);
  if (data.cohorts) cohorts(data.cohorts);
})();
