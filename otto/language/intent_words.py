"""The words that tell what a caller wants (`intents`), as patterns over plain lower-case text.

To teach Otto another way of saying something, add it to the pattern and a labelled line to
`benchmarks/understanding/sets/intents.psv`.
"""

from __future__ import annotations

from typing import Final

_APPOINTMENT: Final = (
    r"(?:appointments?|appt|booking|reservation|service visit|visit|slot|time slot)"
)
_COURTESY: Final = (
    r"(?:(?:hi|hello|hey|there|yes|yeah|no|okay|ok|um|uh|well|so|good morning|good afternoon"
    r"|listen|just|please) )*"
)
_CAR: Final = (
    r"(?:car|truck|vehicle|van|suv|jeep|ride|auto|it|she|he|baby|[a-z]+(?:'s)? (?:car|truck)"
    r"|honda|civic|accord|cr v|toyota|corolla|camry|rav ?4|ford|f ?150|escape|explorer|chevy"
    r"|chevrolet|silverado|malibu|equinox|nissan|altima|rogue|hyundai|elantra|kia|subaru|outback"
    r"|mazda|bmw|tesla|volkswagen|jetta|ram|dodge|gmc|lexus|audi|mercedes|pickup)"
)
_MY: Final = r"(?:my|our|the|his|her|their|that|an|a)"
_WORK: Final = (
    r"(?:oil change|tire rotation|rotation|alignment|brakes?|brake (?:pads|job|inspection)"
    r"|inspection|service|repairs?|maintenance|diagnostic|tune up)"
)
_NOT: Final = r"(?:can't|cannot|can not|won't|will not|not going to|unable to|not able to|couldn't)"
_PEOPLE: Final = (
    r"(?:person|human(?: being)?|people|somebody|someone|anybody|anyone|agent|operator"
    r"|representative"
    r"|rep|advisor|adviser|manager|supervisor|mechanic|technician|tech|receptionist|guy|lady|boss"
    r"|owner|staff|employee|associate|service (?:desk|department|advisor|writer|manager|guy|person)"
    r"|writer|customer service|front desk|individual|dude)"
)

TELLTALES: Final[dict[str, str]] = {
    "danger": (
        r"brake pedal (?:goes|went|is going|sinks|sank|drops|dropped|is (?:soft|spongy|mushy"
        r"|on)|all)"
        r"|pedal (?:goes|went|sinks) (?:all the way |right |straight )?(?:to|down)"
        r"|(?:brakes?|steering|wheel) (?:just |suddenly |completely |have |has |are |is |had )*"
        r"(?:failed|fail|failing|gone|gave out|giving out|give out|went out|locked|locks|don't work"
        r"|do not work|not working|doesn't work|aren't working|isn't working|stopped working|quit"
        r"|not responding|won't (?:stop|work|turn|hold))|(?:no|lost|lost my|lost the|without|hardly"
        r" any|almost no|don't have|have no|got no) (?:brakes|brake pressure|brake fluid|steering"
        r"|braking)|(?:won't|doesn't|does not|can't|couldn't|will not|barely|hardly) (?:stop|brake)"
        r"(?!\s+(?:at|by|leaking|making|beeping|dripping|doing|running))"
        r"|(?:smell|smells|smelling|smelled) (?:of |like )?(?:something is |something's |it's "
        r"|it is )?(?:strong |some |a lot of )?"
        r"(?:gas|gasoline|fuel|smoke|burning|something burning|burnt|burned|electrical)"
        r"|(?:gas|gasoline|fuel)(?: is)? (?:leak|leaks|leaking|dripping|smell|odor|fumes|pouring)"
        r"|leaking (?:gas|gasoline|fuel|brake fluid)|(?:burning|gas|fuel|smoke) (?:smell|odor"
        r"|fumes)"
        r"|smok(?:e|ing)\b(?! (?:test|machine))|on fire|caught fire|flames?|sparks|fire under"
        r"|air ?bags? (?:light|warning|is|are|lamp|went|deployed|recall)"
        r"|(?:don't|do not|not to|stop|shouldn't) drive (?:it|the car|my car|this|until)?"
        r"|don't drive\b|steering (?:wheel )?(?:is |got |has |feels |just )*(?:locked|stuck|loose"
        r"|very stiff|stiff|hard|jammed|seized)|wheel (?:is |feels |just |almost )*(?:came off"
        r"|coming off|fell off|falling off|loose|wobbl\w+)|(?:lug nuts?) (?:are |is )?(?:loose"
        r"|missing)"
        r"|(?:dies|died|stalls|stalled|shuts off|shut off|cuts out) (?:on me )?(?:on the|while|when"
        r" i'm|in the middle|at|in traffic)"
        r"|accelerat\w+ (?:by itself|on its own|is stuck|stuck)|gas pedal (?:is "
        r"|got )*st(?:uck|icks)"
        r"|overheat\w*|temperature (?:gauge|light) (?:is |went )*(?:in the red|red|pegged|on|maxed)"
        r"|tire (?:is |about to |has )*(?:bulg\w+|blow\w*|blew|burst)|blew a tire|blowout"
        r"|carbon monoxide|exhaust (?:fumes|smell|in the)|(?:was|been|just) in an? accident"
        r"|is it safe to drive|safe to (?:keep )?driv\w+"
    ),
    "tow": (
        r"tow(?:ing|ed)?\b|tow truck|wrecker|flatbed|stranded|broke down|broken down|breakdown"
        r"|roadside|flat tire|a flat\b|stuck on (?:the|i|route|highway)|side of the (?:road"
        r"|highway)"
        r"|shoulder of the|(?:won't|doesn't|does not|will not|wouldn't|not) start(?:ing)?\b"
        r"(?! (?:until|working|before))|jump ?start|need a jump|locked (?:my )?keys|out of gas"
        r"|(?:car|truck|it|vehicle) (?:just )?died\b|dead in (?:the|my)|spare tire"
    ),
    "opt_out": (
        r"(?:don't|do not|stop|quit|never|no more|please don't)(?: \w+){0,2}? (?:call|calling|text"
        r"|texting|texts|contact|contacting|calls|bother|bothering|messages|messaging|dial)(?:ing)?"
        r" ?(?:me|us|this number|here|my (?:phone|number|cell)|again|anymore|any more)"
        r"|no more (?:calls|texts|messages|robocalls)|(?:take|remove|get|delete|scratch) (?:me"
        r"|my number"
        r"|this number|us|my name) (?:off|from|out of)|(?:put|add) me on (?:the|your) do not call"
        r"|do not call list|unsubscribe|opt (?:me )?out|opting out"
        r"|^(?:please )?(?:remove me|stop|unsubscribe)(?: please)?$"
        r"|leave me alone|lose my number|stop (?:calling|texting|these calls)"
        r"|(?:revoke|withdraw) (?:my )?consent"
    ),
    "language": (
        r"habla\w*|hola|espanol|en espanol|spanish|necesito|quiero|quisiera|puedo|puede|tengo"
        r"|buenos"
        r"|buenas|gracias|por favor|una? cita|mi (?:carro|coche|auto)|no hablo|cambio de aceite"
        r"|frenos|cuanto (?:cuesta|vale)|ayuda|alguien que|donde estan|a que hora|manana por"
        r"|polski|po polsku|mowi\w*|potrzebuje|dzien dobry|francais|parlez|bonjour|je voudrais"
        r"|deutsch|guten (?:tag|morgen)|ich (?:brauche|mochte)|russian|chinese|mandarin|cantonese"
        r"|polish speaker|korean|arabic|vietnamese|hindi|tagalog|portuguese"
        r"|do you speak (?!to|with)\w+|speak (?:any )?(?:other )?language|interpreter|translator"
        r"|(?:don't|do not|no) speak english|no english|in french|in polish|in german"
    ),
    "person": (
        rf"(?<!talking to a )(?<!speaking to a )(?<!talking with a )(?:real|live|actual"
        rf"|human) {_PEOPLE}|(?<!am i )(?:speak|talk|chat)(?:ing)? (?:to|with) (?!you\b"
        rf"|your (?:sales|parts))"
        rf"(?:(?:a|an|the|your|my|some|one of|any|with) )*(?:\w+ )?{_PEOPLE}|(?:speak"
        rf"|talk) (?:to|with)"
        r" (?!sales\b|parts\b|service\b|you\b)[a-z]+$"
        # Not "my name is Maria": at the beginning only, and "this is Mike" is no question.
        rf"|(?:^{_COURTESY}is|can i (?:get|have|speak (?:to"
        r"|with)|talk to)) (?:mike|dave|john|jim|bob|steve"
        r"|tom|joe|mark|chris|tony|lisa|karen|sarah|maria|dan|bill|rick|ray|sam|nick|matt|paul"
        r"|frank"
        rf"|gary|jeff|ken|kevin|scott|brian)\b|(?:give|get|transfer|connect|put|send|pass|patch"
        rf"|hand)"
        rf"(?:ing)? me (?:over |through |on |up |back )*(?:to |with |with the |the |a |an "
        rf"|your |some |my )*(?:\w+ )?{_PEOPLE}"
        r"|(?:transfer|connect|forward) (?:me|my call|this call)|put me through"
        rf"|^{_COURTESY}(?:the |a |an |your )?{_PEOPLE}"
        r"(?: please| now| okay| thank you| thanks| right)*$"
        rf"|(?:want|need|like|prefer|rather have"
        rf"|get) (?:to speak to |to talk to )?(?:a|an|the)"
        rf" (?:\w+ )?{_PEOPLE}\b|is (?:there )?(?:a|an|any|some|anybody|someone|somebody|anyone)"
        rf" ?{_PEOPLE}? ?(?:there|available|i can (?:talk|speak))|(?:not|don't want to"
        rf"|rather not|hate)"
        r" (?:talk(?:ing)?|speak(?:ing)?|deal(?:ing)?) (?:to|with) (?:a |an |this "
        r"|the )?(?:machine|robot"
        r"|computer|bot|recording|ai|automated)|customer service|(?:get|is) (?:me )?the manager"
        r"|front desk|operator|receptionist"
    ),
    "wrong_number": (
        r"wrong number|wrong place|misdial\w*|dialed (?:the )?wrong|didn't mean to call"
    ),
    "robot": (
        r"(?:are you|is this|am i (?:talking|speaking) (?:to|with)|you're|you are|this is"
        r"|is it) (?:really |just |actually )?"
        r"(?:a |an |some )?(?:real |live |actual )?(?:robot|machine|computer|bot|ai|recording|human"
        r"|person|real|automated|artificial)|(?:a robot|a real person|human) or (?:a|an)"
    ),
    "complaint": (
        r"complain(?:t|ing)?|unhappy|upset|angry|furious|mad about|ridiculous|unacceptable|terrible"
        r"|horrible|awful|disappointed|disgusted|ripped off|rip off|overcharged|frustrat\w+|fed up"
        r"|not (?:satisfied|happy)|dissatisfied|worst|still (?:making|doing|broken|leaking"
        r"|not (?:fixed"
        r"|working|right)|has the same|there)|same (?:noise|problem|issue|thing)"
        r"|after you (?:guys )?"
        r"(?:fixed|worked|serviced|repaired|did)|you (?:guys )?(?:broke|damaged|scratched"
        r"|didn't fix"
        r"|messed up|ruined|dented)|since you (?:guys )?(?:fixed|worked|had|did|changed"
        r"|serviced)|on hold (?:forever|for)"
        r"|(?:fixed|repaired) it (?:wrong|last week and)|nobody (?:called|calls|ever)|lied|scam"
        r"|(?:speak|talk) (?:to|with) (?:your )?corporate|refund|sue|lawyer|better business"
        r"|bad review"
        r"|poor (?:service|work|job)|waste of"
    ),
    "change_or_cancel": (
        rf"{_NOT} (?:be able to )?(?:make|come|keep|be there|get there|attend|do)\b"
        rf"(?! (?:an? |it work|the {_APPOINTMENT} (?:for|online)))|something (?:came|has come) up"
        r"|(?:a |schedul\w+ )?conflict (?:with|on)|miss(?:ed|ing)? my appointment|double booked"
        rf"|not going to make|have to miss|have to skip"
    ),
    "reschedule": (
        r"reschedul\w*|re schedul\w*|rebook\w*|postpone\w*"
        rf"|(?:move|change|push|switch|shift|bump|delay|swap|adjust|modify|bring) (?:up |back "
        rf"|out |forward |around )?{_MY}"
        rf" (?:\w+ )*?(?:{_APPOINTMENT}|{_WORK}|(?:mon|tues|wednes|thurs|fri|satur|sun)day|time"
        rf"|date|day)"
        rf"|(?:change|move|push|switch) (?:the )?(?:time|date|day) (?:of|for|on)"
        rf"|{_APPOINTMENT}[\w ']*? (?:and|but|that|to|i|i'd|which)[\w ']*? (?:change|move|push"
        rf"|switch|reschedule|different (?:day|time)|earlier|later)"
        r"|(?:different|another|earlier|later|new|better) (?:day|time|date) for my"
        r"|(?:come|bring it) in (?:on )?(?:a |another )?(?:different|another|later|earlier|instead)"
        rf"|(?:earlier|later|different) {_APPOINTMENT}|instead of my"
    ),
    "cancel": (
        rf"cancel(?:l?ing|l?ed|lation)?\b(?! (?:fee|policy|anytime))|call off {_MY}"
        rf"|(?:don't|do not|no longer|won't) need (?:{_MY} )?(?:\w+ )?(?:{_APPOINTMENT})"
        rf"|take me off the (?:schedule|calendar|books)|scratch my {_APPOINTMENT}"
        rf"|drop my {_APPOINTMENT}"
        rf"|get rid of my {_APPOINTMENT}|(?:delete|remove) my {_APPOINTMENT}"
    ),
    "my_appointment": (
        rf"(?:when|what time|what day|what date|which day)(?:'s| is| was| are)? (?:{_MY}|i|it"
        rf"|that) ?(?:next |upcoming )?(?:{_APPOINTMENT}|{_WORK}|scheduled|booked|supposed|due"
        rf"|coming|have|bring)"
        rf"|(?:forgot|forget|forgotten|don't recall|can't recall|don't remember|do not remember"
        rf"|can't remember|not sure|don't know|lost track|remind me|wondering) (?:of )?(?:when"
        rf"|what time|what day|about|the (?:date|time|day)(?: of)?)? ?(?:{_MY}|i)"
        rf"(?: \w+)*? ?(?:{_APPOINTMENT}|scheduled|booked|coming|supposed|have)"
        rf"|do i have (?:an? |any )?(?:\w+ )?{_APPOINTMENT}|(?:check|confirm|verify"
        rf"|double check|checking|confirming|verifying|look up|see) (?:on |about |for "
        rf"|if i have |the time (?:of|for) |the date (?:of|for) |what time )*"
        rf"(?:{_MY} )?(?:next |upcoming )?(?:{_APPOINTMENT})|(?:got|received|get) a (?:text"
        rf"|message|email|reminder|call)[\w ']*? {_APPOINTMENT}"
        rf"|am i (?:scheduled|booked|supposed|on the|down for|still (?:on|scheduled|booked))"
        rf"|what time am i|when am i|when do i (?:come|bring|have|need)"
        rf"|(?:what|which) {_APPOINTMENT} do i|have i got an {_APPOINTMENT}"
        rf"|is my {_APPOINTMENT} (?:still|at|on|today|tomorrow|for|this|confirmed)"
        rf"|time of my {_APPOINTMENT}|details of my {_APPOINTMENT}"
    ),
    "repair_status": (
        rf"(?:is|are|was) {_MY} {_CAR} (?:\w+ )?(?:ready|done|finished|fixed|repaired"
        rf"|complete\w*|good to go|still)"
        rf"|(?:ready|done|finished|fixed|completed) (?:yet|for (?:me|pick ?up))"
        rf"|ready to (?:be picked|pick|go|come)"
        rf"|status (?:of|on|update)|update (?:on|about|for)|(?:an|any|get an|give me an|for an"
        rf"|for a) (?:status|update|news|word)\b"
        rf"|(?:what's|what is|whats) (?:going on|happening|up|the (?:status|word|story|deal"
        rf"|latest|holdup|hold up)) (?:with|on)"
        rf"|how(?:'s| is| are)? (?:{_MY} )?{_CAR} (?:coming|doing|looking|going)|how far along"
        rf"|how (?:much longer|long) (?:until|till|before|is it going|will it be|on|for) ?(?:my"
        rf"|it|the|the repair)?"
        rf"|(?:dropped|drop|left|leave|brought|took|had"
        rf"|have) {_MY} {_CAR}(?: off)?[\w ']*? (?:see|check|checking|finished|ready|done"
        rf"|wondering|know|how|heard|hear)"
        rf"|when (?:can|will|is|do|could|should|would) (?:i|we|my|it|the|she"
        rf"|he)(?: {_CAR})? ?(?:come (?:and )?)?(?:pick|get my|be (?:ready|done|finished)|ready"
        rf"|collect|gonna be|going to be)"
        rf"|pick(?:ing)? (?:it |her |him |{_MY} {_CAR} |the car )?up (?:my|the|today|yet|now)"
        rf"|(?:pick up|come get|collect) my {_CAR}\b|can i (?:pick|come get|get) (?:it|my"
        rf"|her)(?: {_CAR})?(?: up| back| today)"
        rf"|(?:did|have|has) (?:you|they|the part|the parts|my part|my parts|anyone|somebody"
        rf"|the)(?: guys)?(?: \w+)? (?:finish|fix|come in|arrived?|figure|found|find|get to"
        rf"|look at|looked at|started?|done|diagnos\w+)"
        rf"|you (?:guys )?(?:have|got|still have) my {_CAR}|(?:finished|done|ready) with (?:my"
        rf"|the|it)|what did you (?:find|guys find)|waiting (?:on|for) my {_CAR}"
    ),
    "running_late": (
        r"running (?:\w+ ){0,5}?(?:late|behind)|(?:be|i'm|i am|gonna be|going to be) (?:about "
        r"|around |a |like |probably )*"
        r"(?:\w+ ){0,4}?late\b|late for my|stuck in traffic|(?:get|be) there (?:a "
        r"|about )?(?:little |bit )?late|hold my (?:spot|appointment|slot)"
        r"|(?:be|get) (?:there )?(?:about )?\w+(?: \w+)? minutes? (?:late|behind)"
        r"|late (?:today|this morning|to my)|still (?:come|bring it)(?: in)?(?: if i'm)? late"
        r"|running behind|traffic is"
    ),
    "recall": r"recall\w*|safety notice|takata|service campaign",
    "billing": (
        r"bill(?:ed|ing)?\b(?! (?:please|smith))|invoice|receipt|charged(?: me)?(?: twice| for"
        r"| my| too)|warranty|warrantied|statement|payment|pay (?:my|the|for my|over|online"
        r"|by)"
        r"|refund|extended (?:coverage|protection|plan)|service contract|insurance (?:claim"
        r"|pay|cover|company)|copy of (?:my|the|an)|paperwork|cover(?:s|ed)? (?:under|by|a|my"
        r"|the)|how much do i owe|what do i owe|balance|financing (?:payment)?|coupon that i"
    ),
    "sales": (
        r"sales(?: ?(?:department|man|person|woman|rep|team|people|manager|floor))?\b(?! tax)"
        r"|(?:buy|buying|purchase|purchasing|lease|leasing|trade|trading|test drive"
        r"|test driving|finance|financing|selling)(?: in)?"
        r" (?:a |an |my |another |out |that |the |me )*(?:\w+ )?(?:new |used "
        r"|pre ?owned )*(?:car|truck|suv|van|vehicle|one|in|honda|civic|accord|toyota|corolla"
        r"|lease|jeep|pickup)|(?:used|new|pre ?owned|certified) (?:car|truck|vehicle|suv|van"
        r"|inventory|pickup)s?"
        r"|test drive|trade (?:it |my \w+ )?in\b|sell (?:my|me a) (?:car|truck)|(?:in"
        r"|on) (?:the|your) lot|inventory|lease (?:deal|return|end|a|is)|in the market for"
        r"|looking (?:for|at) (?:a |an )?(?:new|used) (?:car|truck|suv|vehicle)"
    ),
    "parts": (
        r"parts?(?: department| counter| desk| guy)\b|(?:in stock|carry|sell|order|get|buy"
        r"|need|have|looking for|price on|price of|much (?:is|for)) (?:a |an |any |some |the "
        r"|me |new |set of |us )*(?:\w+ ){0,2}?(?:wiper blades?|wipers|side mirror|mirror"
        r"|floor mats?|key fobs?"
        r"|fob|hub ?caps?|bumper|headlight (?:assembly|bulb|lens)|tail ?light|cabin filter"
        r"|air filter|oil filter|filters?|spark plugs?|touch up paint|roof rack|cargo (?:net"
        r"|mat|cover)|parts?|lug nuts?|gas cap|rims?|alternator (?:for|in)|radiator (?:for"
        r"|cap)|grille|emblem|license plate (?:frame|holder)|hose|gasket"
        r"|sensor for)(?! (?:replaced|changed|installed|put|fixed|done))"
        r"|wiper blades? in stock|accessor(?:y|ies)|part number|order (?:a|some|the) part"
        r"|aftermarket"
    ),
    "callback": (
        r"(?:call|ring|phone) (?:me|us) (?:back|later|tomorrow|when|in|at|this|after)"
        r"|call ?back\b|give me a (?:call|ring|shout)(?: back)?|(?:have|get) (?:\w+ )*?(?:call"
        r"|ring|phone) me|return my call|(?:somebody|someone|anyone|you) (?:please )?call me"
    ),
    "returned_call": (
        r"return(?:ing)? (?:a|your|the|my|someone's|mike's|his|her) (?:missed )?call"
        r"|missed (?:a )?call|(?:somebody|someone|you|you guys|they) (?:just )?(?:called|left"
        r"|rang|phoned|tried) (?:me|a (?:voice ?mail|message))|got (?:a|your) (?:call"
        r"|voice ?mail|message) from|called me (?:from|earlier|today|yesterday)|(?:voice ?mail"
        r"|message) (?:from|saying)|call from (?:you|this|your)"
    ),
    "waiting": (
        r"loaner|rental|rent a car|shuttle|(?:can|could|should|may|do|will) (?:i|we"
        r"|people) (?:just |still )?(?:wait|sit|hang out|stay)\b(?! (?:until|till))"
        r"|wait(?:ing)? (?:for it|there|while|at the|in the|room|area|on it|lounge)|lounge"
        r"|wi ?fi|coffee|drop me off|pick me up|ride (?:home|to work|back)|courtesy (?:car"
        r"|vehicle|ride)|lyft|uber|after hours drop|key drop|drop box|night drop"
    ),
    "hours": (
        r"(?:your|the|what|business|opening|service|store|shop) hours|hours (?:of|are|on|for"
        r"|today|tomorrow)|(?:are|r) (?:you|y'all|you all|you guys|ya|they|we|the shop"
        r"|the service department|your service department)(?: guys| still| all)? (?:open"
        r"|closed|closing|opening|there)"
        r"|(?:do|did|will|when do|when does|what time do|what time does|how late (?:are|do)"
        r"|how early (?:are|do)|until when) (?:you|y'all|you guys|they|the \w+(?: \w+)?"
        r"|your \w+(?: \w+)?)(?: guys| all)? ?(?:open|close|opens|closes|be open|start|get in"
        r"|have)?\b(?= ?(?:open|close|opens|closes|till|until|today|tomorrow|at|on|saturdays?"
        r"|sundays?|$))"
        r"|(?:you|y'all|you guys|guys) (?:still )?(?:open|closed)\b|open (?:on|today|tomorrow"
        r"|late|saturdays?|sundays?|weekends?|thanksgiving|christmas|labor day|memorial day"
        r"|new year\w*|at|until|till|now|yet|tonight)|(?:when|what time) (?:do|does|are"
        r"|will) (?:you|y'all|you guys|it|the \w+)(?: guys)? (?:open|close)|close (?:at|today"
        r"|tonight)|closing time|opening time|work (?:on )?(?:saturdays?|sundays?|weekends?)"
        r"|hours\b"
    ),
    "prices": (
        r"how much(?! (?:longer|more time))|prices?\b|pricing|what (?:do|does|would|will|is"
        r"|are|did)(?: you| it| that| the| a| an)?(?: \w+){0,4}? (?:charge|cost|run|go for)"
        r"|(?:cost|price|rate|fee) (?:of|for|to|on|is)|ballpark|quote|estimate (?:for|on|over)"
        r"|specials?\b|coupons?|discount\w*|deals? on|(?:what's|whats|what is) the (?:cost"
        r"|price|charge|going rate|damage)|expensive|cheap\w*|labor rate|how many dollars"
    ),
    "address": (
        r"address|where (?:are|is|r|you|do i|you're|exactly|am i|'s)(?: you| y'all| your| the"
        r"| guys| this| it)*|where you (?:are|guys)|located|location|directions?|how (?:do|can"
        r"|would) i (?:get|find)(?: to)?(?: there| you| your| the)|(?:are you|is this"
        r"|you) (?:the one|the place|near|by|close to|off|at|on|still on"
        r"|next to) (?:\w+ )*(?:street|st|road|avenue|highway|main|exit|mall|downtown|the)?"
        r"|what (?:street|city|town|part of town|exit)|cross street|gps|zip code"
    ),
    "book": (
        rf"(?:make|schedule|book|set up|set|get|need|want|like|have|for|arrange|another"
        rf"|new) (?:an? |my |the |up |me )*(?:\w+ )?(?:{_APPOINTMENT})|(?:schedule|book|get"
        rf"|need|want|like|due for|time for|do|doing|come in for|bring it in for|set up"
        rf"|looking for|have) (?:\w+ ){{0,5}}?(?:{_WORK}|checked|looked at|serviced|fixed"
        rf"|tires? rotated|oil|battery|air conditioning|ac|a c|sticker|checkup|check up"
        rf"|estimate|done)"
        rf"|(?:bring|take|drop) (?:{_MY} )?(?:{_CAR}|in|by)[\w ]*? ?(?:in|by|over|off)|come in"
        rf"|get me in|fit me in|squeeze me in|(?:need|want|like) (?:to get"
        rf"|to have)? ?(?:{_MY} )?{_CAR} (?:fixed|serviced|looked|checked|inspected)|(?:{_CAR}"
        rf"|light|brakes|engine|heater|ac|a c|air conditioning|window|tire|tires|something|door"
        rf"|radio) (?:just |is |are |has |isn't |aren't |not |'s |keeps |won't |doesn't |came "
        rf"|started |needs? |been )+\w+|(?:check engine|warning|oil|maintenance|tire pressure"
        rf"|abs|battery) light|(?:making|makes|hear|hearing|there's) (?:a |an |this |some "
        rf"|that )(?:\w+ )*(?:noise|sound|vibration|shake|squeak|squeal|grind\w*|leak)|pull(?:s"
        rf"|ing) to the|vibrat\w+|leak\w*|squeak\w*|squeal\w*|grind\w*|oil change|inspection"
        rf"|tune up|alignment|rotate my"
    ),
}
