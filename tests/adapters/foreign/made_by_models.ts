// Objects that are what Pipedrive's own client says they are; the compiler sees to that. Printed as JSON.
import type { ActivityItem } from "MODELS/v2/models/activity-item";
import type { Deal } from "MODELS/v2/models/deal";
import type { OrganizationItem } from "MODELS/v2/models/organization-item";
import type { Person } from "MODELS/v2/models/person";
import type { StageItem } from "MODELS/v2/models/stage-item";
import type { BaseUser } from "MODELS/v1/models/base-user";
import type { GetChangelogResponseAllOfDataInner } from "MODELS/v1/models/get-changelog-response-all-of-data-inner";
import type { Lead } from "MODELS/v1/models/lead";

const deal: Deal = {
  id: 7, title: "Mill", owner_id: 1, person_id: 3, org_id: null, pipeline_id: 2, stage_id: 11, value: 99.5,
  currency: "EUR", add_time: "2026-02-01T10:00:00Z", update_time: "2026-03-05T09:00:00Z",
  stage_change_time: "2026-03-02T08:00:00Z", is_deleted: false, is_archived: false, status: "won", probability: null,
  lost_reason: null, close_time: "2026-03-05T09:00:00Z", won_time: "2026-03-05T09:00:00Z", lost_time: null,
  expected_close_date: "2026-04-01", label_ids: [], origin: "API", custom_fields: { abc: { value: 1, currency: "EUR" } },
};
const change: GetChangelogResponseAllOfDataInner = {
  field_key: "stage_id", old_value: "10", new_value: "11", actor_user_id: 1, time: "2026-03-02 08:00:00",
  change_source: "app", change_source_user_agent: null, is_bulk_update_flag: false,
};
const person: Person = {
  id: 3, name: "Ada King", first_name: "Ada", last_name: "King", owner_id: 1, org_id: 5,
  add_time: "2026-02-01T10:00:00Z", update_time: "2026-02-01T10:00:00Z", is_deleted: false,
  emails: [{ value: "old@x.example", primary: false, label: "home" }, { value: "Ada@X.example", primary: true, label: "work" }],
  phones: [], custom_fields: {},
};
const organization: OrganizationItem = {
  id: 5, name: "Mills", owner_id: 1, add_time: "2026-02-01T10:00:00Z", website: "mills.example", annual_revenue: 1000000,
  employee_count: 40, industry: 3, address: { value: "Berlin, Germany", country: "Germany" },
};
const activity: ActivityItem = {
  id: 9, subject: "Call", type: "call", owner_id: 1, done: true, due_date: "2026-03-01", due_time: "14:30",
  duration: "00:15", marked_as_done_time: "2026-03-01T15:00:00Z", deal_id: 7, person_id: 3, org_id: 5,
};
const stage: StageItem = { id: 11, name: "Offer", order_nr: 2, pipeline_id: 2, deal_probability: 60, is_deleted: false };
const user: BaseUser = { id: 1, name: "O P", email: "O@x.example", active_flag: false, is_deleted: false };
const lead: Lead = {
  id: "adf21080-0e10-11eb-879b-05d71fb426ec", title: "Mill?", owner_id: 1, creator_id: 1, label_ids: [], person_id: 3,
  organization_id: null, source_name: "Web forms", origin: "API", origin_id: null, channel: null, channel_id: null,
  source_deal_id: null, is_archived: false, was_seen: true, value: { amount: 5, currency: "EUR" },
  expected_close_date: null, next_activity_id: null, add_time: "2020-10-14T11:30:36.551Z",
  update_time: "2020-10-14T11:30:36.551Z", visible_to: "3", cc_email: "x@pipedrivemail.com",
};
console.log(JSON.stringify({ deal, change, person, organization, activity, stage, user, lead }));
