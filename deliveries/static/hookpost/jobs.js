// The progress of a job: asks once a second how far it is, and what its pace was lately. A reload goes on where it is.
document.addEventListener("DOMContentLoaded", () => {
  const card = document.querySelector("[data-hp-job]");
  if (card && card.dataset.hpJob) watchJob(card);
});

const PACE_SECONDS = 15;

function watchJob(card) {
  const seen = [];
  const state = card.dataset.hpState; // as the page was made
  const tick = async () => {
    let next = 1000;
    try {
      const answer = await fetch(card.dataset.hpJob);
      if (answer.ok) {
        const now = await answer.json();
        if (now.state !== state) return location.reload(); // other buttons, other words
        showJob(card, now, paceOf(seen, now));
      } else next = 5000;
    } catch {
      next = 5000; // away for a moment: ask again
    }
    setTimeout(tick, next);
  };
  tick();
}

function paceOf(seen, now) {
  seen.push({ at: Date.now() / 1000, ended: now.ended });
  while (seen.length > 2 && seen.at(-1).at - seen[0].at > PACE_SECONDS) seen.shift();
  const [first, last] = [seen[0], seen.at(-1)];
  return last.at - first.at >= 2 ? (last.ended - first.ended) / (last.at - first.at) : now.rate;
}

function showJob(card, now, pace) {
  const whole = (number) => number.toLocaleString(document.documentElement.lang || "en");
  card.querySelector("progress").max = Math.max(now.total, 1);
  card.querySelector("progress").value = now.ended;
  card.querySelector("[data-hp-numbers]").textContent = now.words;
  card.querySelector("[data-hp-failed]").textContent = now.failed ? hpSay("{count} failed", { count: whole(now.failed) }) : "";
  if (now.state !== "running" || !now.ended) return;
  const count = whole(Math.round(pace));
  card.querySelector("[data-hp-pace]").textContent = pace > 0
    ? hpSay("{count} a second, about {time} left", { count, time: span((now.total - now.ended) / pace) })
    : hpSay("{count} a second", { count });
}

function span(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
