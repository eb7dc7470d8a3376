// Puts the page together: follows what is seen and what stands beside, and draws what changed.
import { showTargets, startClock, tick } from './beside.js';
import { showPeople, showPlace, showPlaces, startComposer } from './chat.js';
import { showGuide } from './guide.js';
import { showModal } from './modal.js';
import { follow, me, onchange, state, changed } from './state.js';

function draw() {
  if (!state.seen) return;
  if (!me()) state.me = state.seen.users.find((one) => !one.is_bot)?.id;
  showPeople();
  showPlace();
  showPlaces();
  showModal();
  showTargets();
  showGuide();
  tick();
  document.title = `${me().real_name} · ${state.seen.team.name} · p0 playground`;
  document.getElementById('team').textContent = state.seen.team.name;
}

onchange(draw);
startComposer();
startClock();

// On a narrow screen one side is shown at a time.
for (const button of document.querySelectorAll('[data-side]')) {
  button.addEventListener('click', () => {
    document.body.dataset.shown = button.dataset.side;
    for (const other of document.querySelectorAll('[data-side]')) other.setAttribute('aria-pressed', String(other === button));
  });
}

setInterval(() => { if (state.seen) showGuide(); }, 1000);
let watching = false;
follow('seen', (seen) => {
  state.seen = seen;
  if (seen.beside && !watching) {
    watching = true;
    follow('beside', (beside) => { state.beside = beside; changed(); });
  }
  changed();
});
