// What a site puts on pages without a form: it notes where the visitor came from, as the widget does, so that the page
// that an ad leads to counts for the lead that is sent from another one; and that a visitor is one of the site's own
// people. It asks nothing and tells nobody.

import { newId, store } from "./storage";
import { touches } from "./touches";

const VISIT = "slms:visit";
const isOff = document.currentScript!.dataset.remember === "no";

touches(store("localStorage", isOff));
if (/slms_staff=1/.test(location.search)) {
  const visits = store("sessionStorage", isOff);
  visits.set(VISIT, ((visits.get(VISIT) ?? newId()) as string).replace(/$|-staff$/, "-staff"));
}
