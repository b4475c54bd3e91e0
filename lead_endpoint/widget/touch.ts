// What a site puts on pages without a form: it notes where the visitor came from, as the widget does, so that the page
// that an ad leads to counts for the lead that is sent from another one. It asks nothing and tells nobody.

import { store } from "./storage";
import { touches } from "./touches";

touches(store("localStorage", document.currentScript!.dataset.remember === "no"));
